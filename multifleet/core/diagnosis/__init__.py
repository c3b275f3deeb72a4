"""Why a peer is as it is: what was found out about it, what that shows and excludes, and the cause that follows."""
