"""What the catalogue's SQLite file holds.

about      whose vectors these are, which store has them, and what the store notes of itself
entries    an entry in one version: its number, which is never used again, its id and its payload
fields     every value of a payload that a filter can ask for
dense      vectors of dense legs, as 32-bit floats; those of a cosine leg have length 1
sparse     the weights of sparse vectors, by term
termed     the entries that have a sparse vector
waiting    numbers that the store of a leg has not added or removed for good
"""

SCHEMA = """
CREATE TABLE IF NOT EXISTS about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entries (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, payload TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS fields (
    field TEXT NOT NULL, kind TEXT NOT NULL, value NOT NULL, number INTEGER NOT NULL,
    PRIMARY KEY (field, kind, value, number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS fields_of ON fields (number);
CREATE TABLE IF NOT EXISTS dense (
    leg TEXT NOT NULL, number INTEGER NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (leg, number)
);
CREATE INDEX IF NOT EXISTS dense_of ON dense (number);
CREATE TABLE IF NOT EXISTS sparse (
    leg TEXT NOT NULL, term INTEGER NOT NULL, number INTEGER NOT NULL, weight REAL NOT NULL,
    PRIMARY KEY (leg, term, number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sparse_of ON sparse (number, leg);
CREATE TABLE IF NOT EXISTS termed (
    leg TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (number, leg)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS waiting (
    leg TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (leg, number)
) WITHOUT ROWID;
"""
