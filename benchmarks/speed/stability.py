"""Time `selection_stability` and print its result.

python -m benchmarks.speed.stability
python -m benchmarks.speed.stability --samples 200 --features 500 --resamples 20
"""

from benchmarks.shared import Timer, make_parser
from xmodal_sklearn import MultiOmicsSelector
from xmodal_sklearn.datasets import make_multiomics
from xmodal_sklearn.inspection import selection_stability


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--samples", type=int, default=500)
    parser.add_argument("--features", type=int, default=2000)
    parser.add_argument("--resamples", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=1, help="resamples at a time")
    arguments = parser.parse_args()
    X, y = make_multiomics(
        arguments.samples, {"exp": arguments.features}, return_X_y=True, random_state=0
    )
    with Timer() as spent:
        result = selection_stability(
            MultiOmicsSelector(),
            X,
            y,
            n_resamples=arguments.resamples,
            k=[50, 100, 300],
            random_state=0,
            n_jobs=arguments.jobs,
        )
    print(
        f"{arguments.resamples} resamples of {arguments.samples} x {arguments.features}: "
        f"{spent.wall:.1f} s ({spent.processor:.1f} s of this process)"
    )
    print(result.index.round(3).to_string())


if __name__ == "__main__":
    main()
