"""Widgets that draw the view model; Line API wherever there can be more than a hundred things."""
