"""Several recipes in one process: which one answers a query, how they are exchanged, and what stands in for one."""
