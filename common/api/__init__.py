"""What the REST API's parts in every app are made of; see docs/api.md."""
