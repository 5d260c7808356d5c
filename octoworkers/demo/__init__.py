"""The demo: a project that does real work on real SQLite files, made through the services of every other."""
