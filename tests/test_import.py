"""Importing the package is cheap."""

import subprocess
import sys


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_what_takes_long_is_not_imported_until_it_is_used():
    late = {"torch", "skorch", "numba", "mudata", "anndata", "matplotlib", "jinja2"}
    modules = ("plotting", "report", "benchmark", "baselines", "inspection", "learning", "cli")
    imports = ", ".join(f"xmodal_sklearn.{module}" for module in modules)
    assert run(f"import sys, {imports}; print({late} & set(sys.modules))") == "set()"


def test_the_classifier_is_there_when_asked_for():
    assert run("import xmodal_sklearn as x; print(x.CrossModalAttentionClassifier())") == (
        "CrossModalAttentionClassifier()"
    )


def test_an_unknown_name_is_an_attribute_error():
    ask = "import xmodal_sklearn as x; print(hasattr(x, 'CrossModalRegressor'))"
    assert run(ask) == "False"
