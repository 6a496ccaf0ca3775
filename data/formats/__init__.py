"""The published formats of `docs/formats.md`: what each file's bytes mean, both ways.

Pure: bytes in, values out. `tree` names the files, `signed` their envelope, the others one kind of file each.
"""
