"""The HTTP panels: each translates its contract's words to the engine's verbs and back."""
