"""The main job on real tumours."""

import pandas as pd
import pytest
from sklearn.metrics import f1_score, log_loss
from sklearn.model_selection import train_test_split

from xmodal_sklearn import CrossModalAttentionClassifier, concat_modalities


@pytest.fixture(scope="module")
def tcga_brca(data_dir):
    folder = data_dir / "tcga_brca"
    files = {"exp": "rna", "met": "methylation", "mir": "mirna"}
    X = concat_modalities(
        {modality: pd.read_csv(folder / f"{f}.csv", index_col=0) for modality, f in files.items()}
    )
    return X, pd.read_csv(folder / "target.csv", index_col=0)["target"].astype(int).loc[X.index]


def test_default_settings_classify_tcga_brca(tcga_brca):
    X, y = tcga_brca
    assert X.shape == (769, 700)
    train, test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    model = CrossModalAttentionClassifier(random_state=0).fit(train, y_train)
    assert f1_score(y_test, model.predict(test), average="macro") >= 0.74


@pytest.mark.parametrize("modality", ["met", "mir"])
def test_patients_who_lack_tables_are_predicted_as_by_a_model_of_the_others(tcga_brca, modality):
    X, y = tcga_brca
    by_modality = X.columns.to_series().groupby(X.columns.str[:3]).head(50)
    train, test, y_train, y_test = train_test_split(X[by_modality], y, stratify=y, random_state=0)
    kept = [name for name in train if name.startswith(modality)]
    model = CrossModalAttentionClassifier(n_estimators=5, random_state=0)
    alone = model.fit(train[kept], y_train).predict_proba(test[kept])
    # All training patients have all tables.
    proba = model.fit(train, y_train).predict_proba(test[kept].reindex(columns=train.columns))
    assert log_loss(y_test, proba) < log_loss(y_test, alone) + 0.08
