"""预算管理一体化 (BSC v1, HTTP): quotas, funding applications and their states."""
