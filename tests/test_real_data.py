"""The main job on real tumours."""

import pandas as pd
import pytest
from sklearn.metrics import f1_score
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
