"""Components in processes of their own, with environments of their own: `isolate: process` in a recipe."""
