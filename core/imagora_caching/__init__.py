"""What is kept of queries: what a key holds, how values are written, who works one out, and where they lie."""
