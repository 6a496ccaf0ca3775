"""The published formats of `docs/formats.md`: what each file's bytes mean, both ways.

Pure: bytes in, values out. `tree` names the files, `signed` is the envelope of heads and roots, `rows` has the ids and
their order; `packed`, `rice`, `varint` and `merkle` are what files are made of, the others one kind of file each.
"""
