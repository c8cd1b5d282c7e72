"""How the weights of the starter were made; nothing here is imported when the plugin runs."""
