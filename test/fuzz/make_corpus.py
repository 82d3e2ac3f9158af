#!/usr/bin/env python3
"""Writes the seed corpora: meaningful inputs of each kind, which fuzzing starts from.

Usage: make_corpus.py [DIRECTORY]   (default: corpus/ beside this file)

Each input is a file "seed-NAME"; what fuzzing found beside them keeps libFuzzer's names, and what it
broke once is "fixed-NAME". The formats are those that the targets' opening comments describe.
"""
import pathlib
import sys

from seed_control import grpc_input, state_file, text
from seed_manifests import manifest
from seed_memif import memif_message, memif_ring
from seed_packets import header_parse
from seed_vhost import vhost_message, vhost_ring

HERE = pathlib.Path(__file__).resolve().parent


def main():
    directory = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "corpus"
    for target in (header_parse, vhost_ring, vhost_message, memif_ring, memif_message, grpc_input,
                   state_file, manifest, text):
        corpus = directory / target.__name__
        corpus.mkdir(parents=True, exist_ok=True)
        for old in corpus.glob("seed-*"):
            old.unlink()
        for name, data in target():
            (corpus / f"seed-{name}").write_bytes(data)


if __name__ == "__main__":
    main()
