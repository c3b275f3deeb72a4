"""What somebody may have written into a configuration, right and wrong."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st


def config_values(floats: Sequence[float]) -> st.SearchStrategy[Any]:
    """Of a key; these floats among them."""
    return st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-5, 70_000)
        | st.sampled_from(floats)
        | st.sampled_from(("", "mac1", "http", "auto", "M")),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(("mac1", "off", "routes", "alert", "http", "port", "nodeId", "every", "M")),
                inner,
                max_size=2,
            )
        ),
        max_leaves=6,
    )
