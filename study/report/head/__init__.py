"""The first screen: the study's answer, its claims and how good each arm is."""
