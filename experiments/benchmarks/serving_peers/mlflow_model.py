"""MLflow's pyfunc, saved as code: run as a script it saves itself.

python mlflow_model.py CONTENT FOLDER
"""

import sys
from pathlib import Path
from typing import Any

import mlflow


class Kgdrug(mlflow.pyfunc.PythonModel):
    def load_context(self, context: Any) -> None:
        from content import Content

        self.content = Content(context.artifacts["content"])

    # a body with the key `input` comes as it is, where the forms of tables are turned into one of pandas
    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        return self.content.answer([model_input["input"]])[0]


if __name__ == "__main__":
    content, out = sys.argv[1:]
    mlflow.pyfunc.save_model(
        out,
        python_model=__file__,
        artifacts={"content": content},
        code_paths=[str(Path(__file__).with_name("content.py"))],
        pip_requirements=[],
    )
else:
    mlflow.models.set_model(Kgdrug())
