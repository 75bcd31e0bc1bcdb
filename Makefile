# Two commands judge this project: `make demo` and `make test`. Each works from a fresh clone with
# Python >= 3.11, a C++17 compiler, make and a package index; each creates .venv, builds and runs.
PYTHON ?= python3
VENV   ?= .venv
PY     := $(VENV)/bin/python
CORE   := CMakeLists.txt pyproject.toml $(wildcard cpp/*.cc cpp/*.h cpp/*/*)

PYTEST := $(PY) -m pytest -q -n auto --dist loadfile

# Cells of others, which tests compare ours with; their own dependencies are not needed for that.
PEERS  := torchrecurrent==0.2.5 xlstm==2.0.6

.PHONY: demo test test-isas test-bench docs lint bench asan tsan neon format clean

demo: $(VENV)/demo.stamp
	$(VENV)/bin/glasscell demo --out demo-report --force

test: $(VENV)/dev.stamp
	$(PYTEST)
	scripts/no_torch.sh

test-isas: $(VENV)/dev.stamp
	scripts/isas.sh

test-bench: $(VENV)/dev.stamp $(VENV)/bench.stamp
	$(PYTEST) tests/bench tests/cli/test_bench.py

docs: $(VENV)/docs.stamp
	$(PY) scripts/build_site.py

lint: $(VENV)/dev.stamp
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/clang-format --dry-run --Werror $(wildcard cpp/*.cc cpp/*.h cpp/*/*.cc cpp/*/*.h)

format: $(VENV)/dev.stamp
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .
	$(VENV)/bin/clang-format -i $(wildcard cpp/*.cc cpp/*.h cpp/*/*.cc cpp/*/*.h)

bench: $(VENV)/bench.stamp
	$(VENV)/bin/glasscell bench --out bench-report --force

asan: $(VENV)/dev.stamp
	scripts/asan.sh

tsan:
	scripts/tsan.sh

neon:
	scripts/neon.sh

# torch is pinned first: without the pin an index may answer with a build that is gigabytes larger.
$(VENV)/torch.stamp:
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install -q -r requirements-torch.txt
	touch $@

$(VENV)/demo.stamp: $(VENV)/torch.stamp $(CORE)
	$(PY) -m pip install -q -e '.[demo]'
	touch $@

$(VENV)/dev.stamp: $(VENV)/torch.stamp $(CORE)
	$(PY) -m pip install -q -e '.[dev]'
	$(PY) -m pip install -q --no-deps $(PEERS)
	scripts/chromium.sh
	touch $@ $(VENV)/demo.stamp $(VENV)/docs.stamp

$(VENV)/docs.stamp: pyproject.toml
	[ -x $(PY) ] || $(PYTHON) -m venv $(VENV)
	$(PY) scripts/build_site.py --packages | xargs $(PY) -m pip install -q
	touch $@

$(VENV)/bench.stamp: $(VENV)/torch.stamp $(CORE)
	$(PY) -m pip install -q -e '.[bench]'
	touch $@

clean:
	rm -rf $(VENV) build site bench-report demo-report .pytest_cache .mypy_cache .ruff_cache
