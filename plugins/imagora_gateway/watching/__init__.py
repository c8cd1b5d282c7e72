"""What watches a gateway from outside: rules for Prometheus and a dashboard for Grafana, by recipe."""
