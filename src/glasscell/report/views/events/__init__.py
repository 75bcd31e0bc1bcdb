"""Events: what gates and states do around marked steps, beside what they do elsewhere."""
