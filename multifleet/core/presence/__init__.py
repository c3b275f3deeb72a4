"""Who is there now: SWIM with Lifeguard's self-awareness, pure. Begin with engine.py."""
