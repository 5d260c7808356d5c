"""Step programs: what steps do on a worker where it is not a script of the user's.

Each is a package with a function `main(given)`. The server sends its source with the step, and the agent
runs it by its own interpreter: standard library only, Python 3.9. What all of them share is in `kit`.
"""
