"""Kubernetes containers in a terminal."""

from handlers.kubernetes.handler import KubernetesHandler

__all__ = ["KubernetesHandler"]
