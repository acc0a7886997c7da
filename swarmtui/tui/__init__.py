"""The workbench: app, screens, widgets, and the view model they draw."""
