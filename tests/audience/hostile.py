"""Texts that mean something to SQL, JSON paths, patterns, drivers or programs, and nothing to a condition."""

INJECTED = [
    "'", '"', '"quoted"', "'); DROP TABLE customers; --", "' OR 1=1 --", '" OR ""="', "1; DELETE FROM events",
    "--", "$$; SELECT pg_sleep(9); $$", "a\\", "a\\' OR 1=1 --",
]  # fmt: skip
PATHS = [
    "a.b", "a[0]", "[0]", "0", "-1", "#-1", "$", "$.a", "$.*", "$[*]", "$.a ? (@ > 1)", "{a,b}", "->", "->>",
    "/a/b", "../../etc/passwd",
]  # fmt: skip
PATTERNS = ["%", "_", "a%", ".*", "?", ":name", "%s", "%(name)s", "{0}", "{{ 7*7 }}"]
OBJECTS = ["__proto__", "__class__", "key", "value", "atom", "rowid", "null"]
LETTERS = ["a\u030a", "客", "😀", "İ", "\u00a0x", "x\u200by", "\u202ex", "\U0010fffd"]
LONG = ["x" * 200, "'" * 199 + "é"]
HOSTILE = [*INJECTED, *PATHS, *PATTERNS, *OBJECTS, *LETTERS, *LONG]
