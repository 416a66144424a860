-- Switch to the role that writes what follows from a learner's action, still for that learner alone.
set local role app_engine;
