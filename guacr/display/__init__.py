"""The picture of a remote screen: surfaces, layers, the frame planner and the encoders."""
