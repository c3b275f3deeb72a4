"""The demo: three real nodes on one machine, one of them killed under way. Nothing of it is used by the product."""
