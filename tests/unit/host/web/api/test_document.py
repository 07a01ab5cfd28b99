"""The OpenAPI document says what the routes do."""

from starlette.testclient import TestClient

from wachhund.web.problems import MEDIA_TYPE


def test_every_answer_that_is_no_success_is_documented_as_a_problem(operator: TestClient) -> None:
    document = operator.get("/api/openapi.json").json()
    operations = [
        (f"{method} {path}", one) for path, methods in document["paths"].items() for method, one in methods.items()
    ]
    assert len(operations) >= 10
    for name, one in operations:
        assert {"401", "405", "422", "500", "503"} <= set(one["responses"]), name
        assert len({"200", "201"} & set(one["responses"])) == 1, name
        failures = {status: what for status, what in one["responses"].items() if int(status) >= 400}
        assert all(list(what["content"]) == [MEDIA_TYPE] for what in failures.values()), name
        assert "404" in failures or "{" not in name, name
        assert one["summary"] and one["description"] and one["tags"], name
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_only_versioned_paths_are_promised(operator: TestClient) -> None:
    assert all(path.startswith("/api/v1/") for path in operator.get("/api/openapi.json").json()["paths"])
