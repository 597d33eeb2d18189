"""Components that each build one piece of AWS well, without knowledge of the product."""
