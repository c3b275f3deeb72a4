"""MCP: the operations as tools, and what their results show a model."""
