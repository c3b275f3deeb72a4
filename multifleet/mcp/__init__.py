"""The MCP server: the operations as tools, asked of the daemon."""
