"""From votes that were measured to a card, with a page that shows how."""
