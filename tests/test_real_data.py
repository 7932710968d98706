"""The main job on real tumours."""

import pandas as pd
import pytest
from sklearn.model_selection import StratifiedKFold, cross_val_score

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
    scores = cross_val_score(
        CrossModalAttentionClassifier(random_state=0),
        X,
        y,
        scoring="f1_macro",
        cv=StratifiedKFold(3, shuffle=True, random_state=0),
        n_jobs=2,
    )
    assert scores.mean() >= 0.74
