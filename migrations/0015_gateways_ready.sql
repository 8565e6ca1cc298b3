-- When a gateway began to take requests: one that ends waits until proxies can have seen that another is there again.
alter table gateways add column ready_at timestamptz;
