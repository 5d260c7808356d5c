from pools.models.worker_pool import WorkerPool

__all__ = ["WorkerPool"]
