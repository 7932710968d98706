"""Compare tokens, attention and sizes of the ensemble with the classifier's defaults.

    python -m benchmarks.accuracy.variants tcga --repeats 1

The real cohorts are read from $XMODAL_DATA (default ../shared/data).
"""

from sklearn.pipeline import make_pipeline

from benchmarks.accuracy.baselines import accuracy_parser, measure
from benchmarks.shared import read_cohorts
from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector

VARIANTS = [
    {"attention": "linear"},
    {"enrichment": "sum"},
    {"hidden_dim": 32},
    {"tokenizer": "feature", "attention": "linear"},
    {"n_estimators": 1},
    # Softmax over feature tokens takes too long for more than one member.
    {"n_estimators": 1, "tokenizer": "feature", "attention": "softmax"},
    {"n_estimators": 1, "tokenizer": "feature", "attention": "linear"},
    {"n_estimators": 4},
    {"n_estimators": 16},
]


def main() -> None:
    arguments = accuracy_parser(__doc__).parse_args()
    for name, X, y, k in read_cohorts(arguments.cohorts, arguments.sizes.split(",")):
        models = {
            ", ".join(f"{option}={value}" for option, value in variant.items()): make_pipeline(
                MultiOmicsSelector(k), CrossModalAttentionClassifier(random_state=0, **variant)
            )
            for variant in VARIANTS
        }
        measure(name, X, y, k, models, arguments)


if __name__ == "__main__":
    main()
