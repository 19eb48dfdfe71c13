import numpy as np, torch, sys, struct
torch.set_num_threads(1)
out=sys.argv[1]
def w(name,a): np.asarray(a,"<f4").tofile(f"{out}/{name}.f32")
w("numpy.42",np.random.RandomState(42).standard_normal(1001))
w("numpy.4294967295",np.random.RandomState(4294967295).standard_normal(301))
g=torch.Generator().manual_seed(42)
w("torch.42",torch.cat([torch.randn(n,generator=g) for n in (1,7,15,16,33,4096,5,1000,10)]))
g=torch.Generator().manual_seed(2**40+123)
w("torch.1099511627899",torch.cat([torch.randn(n,generator=g) for n in (17,4097)]))
if len(sys.argv)>2:
    w("big",torch.randn(1<<20,generator=torch.Generator().manual_seed(7)))
