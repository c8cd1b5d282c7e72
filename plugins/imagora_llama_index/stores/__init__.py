"""LlamaIndex's vector stores as indexes: a catalogue that knows everything, and a store that proposes neighbours.

catalogue, schema, fields, conditions, terms, dense    the catalogue: a SQLite file with payloads, filters and vectors
neighbours, faiss_file, chroma, …                      what a store must be able to do, and one module for each of them
fusion, search                                         from a request to hits
opening, index                                         the index that a recipe names
known, options                                         the table of stores, and what a recipe says about each
"""
