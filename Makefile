# Everything is done by bootstrap.py, which runs without make too.
PYTHON ?= python3
ARGS ?=

.PHONY: run test lint screenshots

run: ## start everything with a demo, until Ctrl-C
	@$(PYTHON) bootstrap.py run $(ARGS)

test: ## all tests on PostgreSQL, then those marked both_databases on SQLite
	@$(PYTHON) bootstrap.py test $(ARGS)

lint: ## style, types, imports, migrations, deployment checks
	@$(PYTHON) bootstrap.py lint $(ARGS)

screenshots: ## the pictures of docs/screenshots, by a real browser
	@$(PYTHON) bootstrap.py screenshots
