"""Mistakes that users make: what they type, and what of place and fix must be in what they are told."""

from __future__ import annotations

from typing import NamedTuple

BASE = "recipe: 1\nextends: toys.yaml\n"


class Mistake(NamedTuple):
    """A command line; place and fix: words that what is told must have; recipe: what `r.yaml` then holds."""

    arguments: str
    place: str
    fix: str
    recipe: str | None = None


CHECK = "recipe check r.yaml"

RECIPES = {
    "a section misspelt": Mistake(CHECK, "r.yaml:3:1: retreiver:", "did you mean 'retriever'?", BASE + "retreiver: {}"),
    "a component misspelt": Mistake(CHECK, "r.yaml:3:14: index:", "did you mean 'qdrant'?", BASE + "index: {use: qdrnt}"),
    "a component of another kind": Mistake(
        CHECK, "r.yaml:3:19: rerankers[0]:", "is a component of the kind generator", BASE + "rerankers: [{use: toy_quote}]"
    ),
    "an option misspelt": Mistake(
        CHECK, "r.yaml:3:26: retriever.topk:", "did you mean 'top_k'?", BASE + "retriever: {use: hybrid, topk: 3}"
    ),
    "a number out of its range": Mistake(
        CHECK, "r.yaml:3:33: retriever.top_k:", "greater than or equal to 1", BASE + "retriever: {use: hybrid, top_k: 0}"
    ),
    "a word for a number": Mistake(
        CHECK, "retriever.top_k:", "valid integer, unable to parse string as an integer, and it is 'many'",
        BASE + "retriever: {use: hybrid, top_k: many}",
    ),
    "an option missing": Mistake(
        CHECK, "r.yaml:3:12: generator.url:", "http://localhost:8000/v1", BASE + "generator: {use: vllm, model: qwen}"
    ),
    "one component where a list must be": Mistake(
        CHECK, "r.yaml:3:12: rerankers:", "must be a list of rerankers, e.g.", BASE + "rerankers: {use: visual}"
    ),
    "a leg that is none": Mistake(
        CHECK, "embedders.picture:", "(there is: image, sparse, text)", BASE + "embedders: {picture: {use: toy_colour}}"
    ),
    "a place that is none": Mistake(
        CHECK, "guardrails.answers:", "did you mean 'answer'?", BASE + "guardrails: {answers: []}"
    ),
    "a key twice": Mistake(CHECK, "r.yaml:4:1: index:", "the first is in line 3", BASE + "index: {}\nindex: {}"),
    "a bracket left open": Mistake(CHECK, "r.yaml:4:1:", "a bracket or a quote is not closed", BASE + "rerankers: [\n"),
    "a tab": Mistake(CHECK, "r.yaml:4:1:", "indent with blanks", BASE + "index:\n\tpath: x"),
    "a tag": Mistake(
        CHECK, "r.yaml:3:8: index:", "so leave it out", BASE + "index: !!python/object:os.system {}"
    ),
    "extends what is not there": Mistake(
        CHECK, "r.yaml:2:10: extends:", "did you mean 'starter'?", "recipe: 1\nextends: startr"
    ),
    "extends itself": Mistake(CHECK, "r.yaml:2:10: extends:", "take one away", "recipe: 1\nextends: r.yaml"),
    "no version": Mistake(CHECK, "r.yaml:1:1: recipe:", "begins with: recipe: 1", "generator: {use: toy_quote}"),
    "another version": Mistake(CHECK, "r.yaml:1:9: recipe:", "version 1", "recipe: 7\ngenerator: {use: toy_quote}"),
    "no use": Mistake(
        CHECK, "r.yaml:2:12: generator:", "must name a component: {use: …}", "recipe: 1\ngenerator: {model: x}"
    ),
    "an index alone": Mistake(
        CHECK, "r.yaml:2:1: index:", "e.g. embedders: {", "recipe: 1\nindex: {use: qdrant, path: i}\nretriever: {use: hybrid}"
    ),
    "nothing to do": Mistake(CHECK, "r.yaml:1:1:", "e.g. extends: starter", "recipe: 1"),
    "an empty file": Mistake(CHECK, "r.yaml:1:1:", "begins with: recipe: 1", "# later\n"),
    "a list for a recipe": Mistake(CHECK, "r.yaml:1:1:", "begins with: recipe: 1", "- recipe: 1\n"),
    "a picture for a recipe": Mistake("recipe check blue.png", "blue.png:1:1:", "save it as UTF-8"),
    "a template that is wrong": Mistake(
        CHECK, "r.yaml:3:20: prompt.template:", "the template's line 1 is wrong", BASE + 'prompt: {template: "{% if %}"}'
    ),
    "an option of an option": Mistake(
        CHECK, "index.hnsw.ef_constrct:", "did you mean 'ef_construct'?",
        BASE + "index: {use: qdrant, path: i, hnsw: {ef_constrct: 9}}",
    ),
}  # fmt: skip

OPTIONS = {
    "two places for an index": Mistake(
        CHECK, "r.yaml:3:8: index:", "say one, such as path: ./index",
        BASE + "index: {use: qdrant, path: i, url: http://localhost:6333}",
    ),
    "an architecture without weights": Mistake(
        CHECK, "r.yaml:3:20: embedders.image:", "a pretrained tag or a weights file",
        BASE + "embedders: {image: {use: clip, model: ViT-B-32}}",
    ),
    "a password in a url": Mistake(
        CHECK, "generator.url:", "must be like http://localhost:8000/v1",
        BASE + "generator: {use: vllm, model: m, url: http://me:hush@host/v1}",
    ),
    "a database twice": Mistake(
        CHECK, "r.yaml:3:9: source:", "say either dsn or host",
        BASE + "source: {use: postgres, name: a, query: SELECT id FROM t, dsn: d, host: h}",
    ),
    "an entity that is none": Mistake(
        CHECK, "guardrails.query[0].entities", "did you mean 'PERSON'?",
        BASE + "guardrails: {query: [{use: presidio, entities: [PERSN]}]}",
    ),
    "no licence": Mistake(CHECK, "r.yaml:3:12: licences[0]:", "SPDX id such as", BASE + "licences: [Apache]"),
    "a variable that is not set": Mistake(
        CHECK, "r.yaml:3:27: index.url:", "type: export SHOP_QDRANT=", BASE + 'index: {use: qdrant, url: "${SHOP_QDRANT}"}'
    ),
    "a variable within a text": Mistake(
        CHECK, "index.url:", "a whole value", BASE + 'index: {use: qdrant, url: "http://${HOST}:1"}'
    ),
}  # fmt: skip

COMMANDS = {
    "a command misspelt": Mistake("serch toys.yaml rose", "'serch'", "did you mean 'search'?"),
    "an option of no command": Mistake("search toys.yaml rose --tpo 3", "--tpo", "type: imagora search --help"),
    "no recipe": Mistake("search", "'recipe'", "type: imagora search --help"),
    "no passages": Mistake("search toys.yaml rose --top 0", "'--top'", "greater than or equal to 1"),
    "no condition": Mistake("search toys.yaml rose --filter price", "'price'", "write e.g. category=shoes"),
    "words compared": Mistake("search toys.yaml rose --filter price<much", "'price<much'", "only numbers can be compared"),
    "a weight without a number": Mistake("search toys.yaml rose --weight image", "'image'", "such as image=2"),
    "nothing asked": Mistake("ask toys.yaml", "ask something", "give a picture with -i FILE"),
    "a recipe misspelt": Mistake("ask startr rose", "'startr'", "did you mean 'starter'?"),
    "a recipe's file misspelt": Mistake("ask toy.yaml rose", "toy.yaml:1:1:", "did you mean 'toys.yaml'?"),
    "a recipe's path that is wrong": Mistake("ask lines/shop.yaml rose", "lines/shop.yaml:1:1:", "there is no such file"),
    "a folder for a recipe": Mistake("ask photos rose", "photos:1:1:", "name a file in it"),
    "options that exclude one another": Mistake(
        "ingest toys.yaml --watch --dry-run", "--watch", "goes with none of --dry-run, --quarantined and --limit"
    ),
    "a source that cannot be watched": Mistake("ingest toys.yaml --watch", "the source 'toy_list:toys'", "leave --watch out"),
    "a code that is none": Mistake("explain IMG-999", "'IMG-999'", "imagora explain"),
    "a component that is none": Mistake("plugins qdrnt", "'qdrnt'", "did you mean 'qdrant'?"),
    "no generator": Mistake(
        "ask r.yaml rose", "the recipe 'r'", "search with it, or add one", BASE + "generator: null"
    ),
    "no tenant": Mistake("search r.yaml rose", "each tenant", "--tenant NAME", BASE + "access: {tenant: shop}"),
}  # fmt: skip

THINGS = {
    "a picture that is not there": Mistake("search toys.yaml -i no.png", "the picture 'no.png'", "No such file"),
    "half a picture": Mistake("search toys.yaml -i half.png", "the picture 'half.png'", "cannot be used"),
    "words for a picture": Mistake("ask toys.yaml rose -i words.png", "the picture 'words.png'", "not a picture"),
    "an empty picture": Mistake("search toys.yaml -i empty.png", "the picture 'empty.png'", "the file is empty"),
    "a folder for a picture": Mistake("search toys.yaml -i photos", "the picture 'photos'", "it is not a regular file"),
    "a folder that is not there": Mistake(
        "ingest r.yaml", "/fotos' is not there", "give another with 'path: …' in the recipe or --source DIR",
        BASE + "source: {use: folder, path: fotos}",
    ),
    "a folder without pictures": Mistake(
        "ingest r.yaml", "/photos'", "known endings are: ", BASE + "source: {use: folder, path: photos}"
    ),
    "a manifest that is not there": Mistake(
        "ingest r.yaml", "there is no manifest 'list.csv' in ", "correct 'manifest: …'", BASE + "source: {use: folder, path: photos, manifest: list.csv}"
    ),
    "a source without a path": Mistake(
        "ingest r.yaml", "the source 'folder' has no folder", "type: --source DIR", BASE + "source: {use: folder}"
    ),
    "a path for a source that has none": Mistake(
        "ingest toys.yaml --source photos", "the recipe 'toys'", "leave --source out"
    ),
    "a table without its column": Mistake(
        "ingest r.yaml", "/goods.csv' has no column 'nmae'", "did you mean 'name'?",
        BASE + "source: {use: table, path: goods.csv, columns: {id: sku, title: nmae}}",
    ),
    "a table of no known kind": Mistake(
        "ingest r.yaml", "'goods.doc'", "ends in one of", BASE + "source: {use: table, path: goods.doc}"
    ),
    "a table without rows": Mistake(
        "ingest r.yaml", "/bare.csv' has no rows", "each item has a line of its own", BASE + "source: {use: table, path: bare.csv, columns: {id: sku}}"
    ),
    "no index yet": Mistake("search r.yaml rose", "none.json", "ingest the source first", BASE + "index: {path: none.json}"),
    "an index's folder that is a file": Mistake(
        "ingest r.yaml", "'blue.png' is a file", "name another path",
        BASE + "index: {use: qdrant, path: blue.png}\nretriever: {use: hybrid}\nledger: {path: other.sqlite}",
    ),
    "another embedder's index": Mistake(
        "search r.yaml rose", "the leg 'image' of the index at 'legs'", "imagora ingest r", "recipe: 1\nextends: q.yaml\nembedders: {image: {use: toy_colour, weights: '2'}}"
    ),
    "a generation of an index that has one": Mistake("index switch toys.yaml 7", "index.json", "(there is: 1)"),
    "a recipe without an index": Mistake(
        "ingest r.yaml", "the recipe 'r'", "add: index: {use: qdrant", "recipe: 1\ngenerator: {use: toy_quote}"
    ),
    "a Qdrant server that is down": Mistake(
        "search r.yaml rose", "http://127.0.0.1:1", "start it, or correct 'url'",
        BASE + "index: {use: qdrant, url: 'http://127.0.0.1:1', timeout: 1}\nretriever: {use: hybrid}\n"
        "ledger: {path: other.sqlite}",
    ),
    "a vLLM server that is down": Mistake(
        "ask r.yaml rose", "'http://127.0.0.1:1/v1'", "'imagora vllm-command' says how to start it",
        BASE + "generator: {use: vllm, url: 'http://127.0.0.1:1', model: m, retries: 0}",
    ),
    "packages that are not installed": Mistake(
        CHECK, "r.yaml:3:18: generator:", "type: pip install 'needy[more]'", BASE + "generator: {use: needy}"
    ),
    "a plugin that fails to load": Mistake(
        CHECK, "the plugin 'broken' of broken 1.0 failed to load", "No module named 'nowhere_at_all'", BASE + "generator: {use: broken}"
    ),
    "two plugins of one name": Mistake(
        CHECK, "'first' of first 1.0 and 'second' of second 1.0", "uninstall one of them", BASE + "generator: {use: same}"
    ),
    "a plugin's command that fails": Mistake("fragile", "the command 'fragile'", "report it to whoever wrote the plugin"),
    "a model that is not there": Mistake(
        "search r.yaml rose", "/nowhere'", "name another folder with 'model: PATH'",
        BASE + "embedders: {text: {use: sentence_transformers, model: ./nowhere}}\nindex: {path: other.json}",
    ),
}  # fmt: skip

MISTAKES = {**RECIPES, **OPTIONS, **COMMANDS, **THINGS}
