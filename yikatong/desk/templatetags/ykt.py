"""How values are shown: money with two decimals, identifiers masked, states in words."""

from django import template

register = template.Library()
