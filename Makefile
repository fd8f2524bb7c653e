PYTHON ?= python3
BIN := .venv/bin
# Each file in one process, the longest first (tests/conftest.py). Four, though cores may be two: much of the time goes to
# waiting for programs that tests start.
PARALLEL := --numprocesses 4 --dist loadfile --no-loadscope-reorder

# Else each run rewrites the assertions of all tests again, in each process.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-all lint package bench-explain bench-explain-quality bench-explain-known bench-defend bench-defend-quality bench-defend-gpu bench-certify bench-certify-real bench-certify-overhead bench-gcg bench-certified bench-explain-sets bench-explain-patches bench-judges bench-guard bench-published bench-lab docs clean

demo: .venv/.ready
	$(BIN)/interlock audit --out build/demo

test: lint
	$(BIN)/python -m pytest $(PARALLEL)

test-all: lint
	$(BIN)/python -m pytest $(PARALLEL) -m "slow or not slow"

lint: .venv/.ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# With --quiet no warning is counted, and --strict ends nothing. The theme announces its successor at each build.
docs: export NO_MKDOCS_2_WARNING := 1
docs: .venv/.ready
	$(BIN)/mkdocs build --strict
	@echo "site: build/site/index.html"

# wheel and source archive, into dist/
# URL: the repository's page, for links on the package index; REF: what they lead to, by default the version's tag.
package: export REPOSITORY_URL = $(URL)
package: export REPOSITORY_REF = $(REF)
package: .venv/.ready
	rm -rf dist
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	$(BIN)/python -c "from setuptools import build_meta; build_meta.build_sdist('dist')" >/dev/null
	rm -rf src/interlock.egg-info build/lib build/bdist.*
	@ls dist

bench-explain: .venv/.ready
	$(BIN)/python recipes/efficientnet_lite.py
	$(BIN)/python benchmarks/explain_speed.py
	cp build/explain_speed/table.md docs/results/explain-speed.txt
	$(BIN)/python benchmarks/update_docs.py

bench-explain-quality: .venv/.ready
	$(BIN)/interlock lab run benchmarks/studies/explain.toml --out build/lab/explain-quality
	$(BIN)/interlock lab report build/lab/explain-quality --summary docs/results/explain-quality.json
	$(BIN)/python recipes/efficientnet_lite.py
	$(BIN)/interlock lab run benchmarks/studies/explain_models.toml --out build/lab/explain-models
	$(BIN)/interlock lab report build/lab/explain-models --summary docs/results/explain-models.json
	$(BIN)/python benchmarks/update_docs.py

bench-explain-known: .venv/.ready
	$(BIN)/python -m benchmarks.explain_scenes
	for name in known partners; do \
		$(BIN)/interlock lab run benchmarks/studies/explain_$$name.toml --out build/lab/explain-$$name && \
		$(BIN)/interlock lab report build/lab/explain-$$name --summary docs/results/explain-$$name.json || exit 1; \
	done
	$(BIN)/python benchmarks/update_docs.py

bench-defend: .venv/.ready
	$(BIN)/python benchmarks/defend_speed.py
	cp build/defend_speed/table.md docs/results/defend-speed.txt
	$(BIN)/python benchmarks/certified_speed.py
	cp build/certified_speed/table.md docs/results/certified-speed.txt
	$(BIN)/python benchmarks/update_docs.py

bench-defend-quality: .venv/.ready
	$(BIN)/python benchmarks/defend_photos.py
	for name in mobilenet embedded cifar10; do \
		$(BIN)/interlock lab run benchmarks/studies/defend_$$name.toml --out build/lab/defend_$$name && \
		$(BIN)/interlock lab report build/lab/defend_$$name --summary docs/results/defend-$$name.json || exit 1; \
	done
	$(BIN)/python benchmarks/update_docs.py

# full float32, as on a CPU
bench-defend-gpu: export NVIDIA_TF32_OVERRIDE := 0
bench-defend-gpu: .venv/.ready
	$(BIN)/python benchmarks/defend_photos.py
	$(BIN)/python benchmarks/defend_speed_gpu.py
	cp build/defend_speed_gpu/table.md docs/results/defend-speed-gpu.txt
	for name in mobilenet embedded cifar10; do \
		$(BIN)/interlock lab run benchmarks/studies/defend_gpu_$$name.toml --device cuda --out build/lab/defend_gpu_$$name && \
		$(BIN)/interlock lab report build/lab/defend_gpu_$$name --summary docs/results/defend-gpu-$$name.json || exit 1; \
	done
	$(BIN)/python benchmarks/update_docs.py

bench-certify: .venv/.ready
	$(BIN)/python benchmarks/certify_coverage.py
	cp build/certify_coverage/table.md docs/results/certify-coverage.txt
	$(BIN)/python benchmarks/certify_group_rules.py
	cp build/certify_group_rules/table.md docs/results/certify-group-rules.txt
	$(BIN)/interlock certify report --benign-limit 40 --rates 0.10,0.15,0.20 --trials 1 --out build/certify
	$(BIN)/python benchmarks/certify_report.py build/certify/results.json
	cp build/certify_report/table.md docs/results/certify-report.txt
	$(BIN)/interlock lab run benchmarks/studies/certify.toml --out build/lab/certify-halves
	$(BIN)/interlock lab report build/lab/certify-halves --summary docs/results/certify-halves.json
	$(BIN)/python benchmarks/update_docs.py

bench-certify-overhead: .venv/.ready
	$(BIN)/python recipes/smollm2.py
	$(BIN)/python benchmarks/certify_overhead.py
	cp build/certify_overhead/table.md docs/results/certify-overhead.txt
	$(BIN)/python benchmarks/update_docs.py

# answers that no patch changes: hours on two cores, and goes on where it stopped
bench-certified: .venv/.ready
	$(BIN)/python benchmarks/defend_photos.py
	$(BIN)/python recipes/efficientnet_lite.py
	$(BIN)/python recipes/hardened.py cifar10
	for name in cifar10 embedded lite0 mobilenet; do \
		$(BIN)/interlock lab run benchmarks/studies/certified_$$name.toml --out build/lab/certified_$$name && \
		$(BIN)/interlock lab report build/lab/certified_$$name --summary docs/results/certified-$$name.json || exit 1; \
	done
	$(BIN)/python benchmarks/update_docs.py

# sets on scenes whose truth is known, and on photos: hours on two cores; photos go on where they stopped
bench-explain-sets: .venv/.ready
	$(BIN)/python benchmarks/defend_photos.py
	$(BIN)/python recipes/efficientnet_lite.py
	$(BIN)/python -m benchmarks.explain_scenes
	$(BIN)/python -m benchmarks.explain_agreement
	cp build/explain_agreement/table.md docs/results/explain-agreement.txt
	$(BIN)/python -m benchmarks.explain_sets --model mobilenet --model lite0 --model embedded
	cp build/explain_sets/table.md docs/results/explain-sets.txt
	$(BIN)/python benchmarks/update_docs.py

bench-explain-patches: .venv/.ready
	$(BIN)/python benchmarks/defend_photos.py
	$(BIN)/python -m benchmarks.explain_patches
	cp build/explain_patches/table.md docs/results/explain-patches.txt
	$(BIN)/python benchmarks/update_docs.py

bench-gcg: .venv/.ready
	$(BIN)/python recipes/smollm2.py
	$(BIN)/python benchmarks/certify_gcg.py
	cp build/certify_gcg/table.md docs/results/certify-gcg.txt
	$(BIN)/python benchmarks/update_docs.py

# hours on two cores, and goes on where it stopped
bench-certify-real: .venv/.ready
	$(BIN)/python recipes/smollm2.py
	$(BIN)/python benchmarks/certify_real.py
	cp build/certify_real/table.md docs/results/certify-real.txt
	$(BIN)/python benchmarks/update_docs.py

bench-judges: .venv/.ready
	$(BIN)/python benchmarks/certify_judges.py
	cp build/certify_judges/table.md docs/results/certify-judges.txt
	$(BIN)/python benchmarks/update_docs.py

bench-guard: .venv/.ready
	$(BIN)/python benchmarks/guard_load.py
	cp build/guard_load/table.md docs/results/guard-load.txt
	$(BIN)/python benchmarks/update_docs.py

bench-published: .venv/.ready
	for paper in h-sets masking smoothllm; do \
	  $(BIN)/interlock lab run examples/paper/$$paper.toml --out build/lab/paper-$$paper && \
	  $(BIN)/interlock lab report build/lab/paper-$$paper --summary docs/results/paper-$$paper.json || exit 1; \
	done
	$(BIN)/python benchmarks/update_docs.py

bench-lab: .venv/.ready
	$(BIN)/python benchmarks/lab_scale.py
	cp build/lab_scale/table.md docs/results/lab-scale.txt
	$(BIN)/interlock lab run benchmarks/studies/cost.toml --workers 1 --out build/lab/cost
	$(BIN)/python benchmarks/lab_scale.py --costs build/lab/cost $(wildcard build/lab/defend_mobilenet)
	cp build/lab_scale/costs.md docs/results/lab-costs.txt
	$(BIN)/python benchmarks/update_docs.py

.venv/.ready: pyproject.toml setup.py constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf build .mypy_cache .ruff_cache .pytest_cache .hypothesis
