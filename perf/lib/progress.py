"""What a person sees while it runs."""
import sys


def say(text):
    print(f"perf: {text}", file=sys.stderr, flush=True)
