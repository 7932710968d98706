"""Save the model of `files` anew: ``python -m tests.persistence.make_file``, once per format."""

import json
from pathlib import Path

from sklearn.pipeline import make_pipeline

from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector
from xmodal_sklearn.datasets import make_multiomics
from xmodal_sklearn.persistence import read_manifest, save_model


def main() -> None:
    X, y = make_multiomics(60, {"exp": 8, "mut": 4}, n_classes=3, return_X_y=True, random_state=0)
    X = X.round(3)
    classifier = CrossModalAttentionClassifier(
        n_heads=2, embed_dim=4, hidden_dim=4, n_estimators=2, max_epochs=2, random_state=0
    )
    model = make_pipeline(MultiOmicsSelector(3), classifier).fit(X, y)
    folder = Path(__file__).parent / "files"
    folder.mkdir(exist_ok=True)
    path = save_model(model, folder / "new.xmodal")
    path = path.replace(folder / f"format-{read_manifest(path)['format_version']}.xmodal")
    expected = {
        "columns": X.columns.tolist(),
        "samples": X.iloc[:4].to_numpy().tolist(),
        "probabilities": model.predict_proba(X.iloc[:4]).tolist(),
        "predicted": model.predict(X.iloc[:4]).tolist(),
    }
    path.with_suffix(".json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
