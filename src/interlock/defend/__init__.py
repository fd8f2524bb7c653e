"""Take the patch's concept away: concepts of a classifier, the shield, attacks and peers."""
