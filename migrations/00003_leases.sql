-- +goose Up

-- What one process at a time does for all, such as counting what every one of
-- them would count alike. Nothing that must be right hangs on a lease.
CREATE TABLE leases (
    name        text PRIMARY KEY,
    holder      uuid NOT NULL, -- one life of one process
    lease_until timestamptz NOT NULL
);

-- +goose Down

DROP TABLE leases;
