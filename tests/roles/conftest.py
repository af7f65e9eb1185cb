import pytest
import run_kit


@pytest.fixture(scope="session")
def forge():
    forge = run_kit.Forge()
    yield forge
    forge.close()


@pytest.fixture
def run(forge, tmp_path):
    run = run_kit.Run(forge, tmp_path)
    yield run
    run.end()
