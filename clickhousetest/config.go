package clickhousetest

import (
	"bytes"
	"encoding/xml"
	"os"
	"text/template"
)

// configuration is of a server that shares a small machine with the test:
// little memory, few threads. Ports are shared with the socket that reserves
// them.
var configuration = template.Must(template.New("config").Funcs(template.FuncMap{"xml": escape}).Parse(`<clickhouse>
  <path>{{xml .Path}}</path>
  <http_port>{{.HTTPPort}}</http_port>
  <tcp_port>{{.TCPPort}}</tcp_port>
  <listen_host>127.0.0.1</listen_host>
  <listen_reuse_port>1</listen_reuse_port>
  <logger><log>{{xml .Log}}</log><async>0</async></logger>
  <user_directories><users_xml><path>{{xml .UsersPath}}</path></users_xml></user_directories>

  <max_server_memory_usage>{{.Memory}}</max_server_memory_usage>
  <mark_cache_size>67108864</mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <max_thread_pool_size>200</max_thread_pool_size>
  <background_pool_size>2</background_pool_size>
  <background_move_pool_size>1</background_move_pool_size>
  <background_fetches_pool_size>{{if .ZooKeeperPort}}4{{else}}1{{end}}</background_fetches_pool_size>
  <background_common_pool_size>2</background_common_pool_size>
  <background_schedule_pool_size>{{if .ZooKeeperPort}}8{{else}}2{{end}}</background_schedule_pool_size>
  <background_distributed_schedule_pool_size>2</background_distributed_schedule_pool_size>
  <merge_tree>
    <number_of_free_entries_in_pool_to_lower_max_size_of_merge>1</number_of_free_entries_in_pool_to_lower_max_size_of_merge>
    <number_of_free_entries_in_pool_to_execute_mutation>1</number_of_free_entries_in_pool_to_execute_mutation>
    <number_of_free_entries_in_pool_to_execute_optimize_entire_partition>1</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>
  {{- if .ZooKeeperPort}}
    <!-- in a test nobody waits for a minute until something is tried again -->
    <initialization_retry_period>1</initialization_retry_period>
    <zookeeper_session_expiration_check_period>1</zookeeper_session_expiration_check_period>
    <max_postpone_time_for_failed_replicated_fetches_ms>500</max_postpone_time_for_failed_replicated_fetches_ms>
    <max_postpone_time_for_failed_replicated_merges_ms>500</max_postpone_time_for_failed_replicated_merges_ms>
    <max_postpone_time_for_failed_replicated_tasks_ms>500</max_postpone_time_for_failed_replicated_tasks_ms>
  {{- end}}
  </merge_tree>
{{- if .Cluster}}
  <remote_servers replace="1">
    <{{.Cluster}}>
    {{- range .Shards}}
      <shard>
      {{- if $.ZooKeeperPort}}<internal_replication>1</internal_replication>{{end}}
      {{- range .}}<replica><host>127.0.0.1</host><port>{{.}}</port></replica>{{end -}}
      </shard>
    {{- end}}
    </{{.Cluster}}>
    <{{.Cluster}}_home>
      <shard>
      {{- if $.ZooKeeperPort}}<internal_replication>1</internal_replication>{{end}}
      {{- range index .Shards 0}}<replica><host>127.0.0.1</host><port>{{.}}</port></replica>{{end -}}
      </shard>
    </{{.Cluster}}_home>
  </remote_servers>
{{- end}}
{{- if .ZooKeeperPort}}
  <zookeeper>
    <node><host>127.0.0.1</host><port>{{.ZooKeeperPort}}</port></node>
    <!-- in local mode all servers have one UUID, which is what tells sessions apart -->
    <sessions_path>/clickhouse/sessions/{{.Shard}}/{{.Replica}}</sessions_path>
    <session_timeout_ms>{{.SessionTime}}</session_timeout_ms>
    <operation_timeout_ms>{{.SessionTime}}</operation_timeout_ms>
  </zookeeper>
  <macros><shard>{{.Shard}}</shard><replica>{{.Replica}}</replica></macros>
{{- end}}
{{.Config}}
</clickhouse>
`))

var users = template.Must(template.New("users").Funcs(template.FuncMap{"xml": escape}).Parse(`<clickhouse>
  <quotas><default/></quotas>
  <profiles>
    <default>
      <max_threads>2</max_threads>
      <!-- as on a server, not as in local mode -->
      <implicit_select>0</implicit_select>
      <allow_introspection_functions>0</allow_introspection_functions>
    </default>
  {{- range $i, $u := .}}
    <profile{{$i}}>
      <profile>default</profile>
      {{- range $name, $value := .Settings}}
      <{{$name}}>{{xml $value}}</{{$name}}>
      {{- end}}
    </profile{{$i}}>
  {{- end}}
  </profiles>
  <users>
    <default>
      <password></password>
      <networks><ip>127.0.0.1</ip><ip>::1</ip></networks>
      <profile>default</profile><quota>default</quota>
      <access_management>1</access_management>
    </default>
  {{- range $i, $u := .}}
    <{{.Name}}>
      <password>{{xml .Password}}</password>
      <networks><ip>127.0.0.1</ip></networks>
      <profile>profile{{$i}}</profile><quota>default</quota>
      {{- if .Grants}}
      <grants>{{range .Grants}}<query>{{xml .}}</query>{{end}}</grants>
      {{- end}}
    </{{.Name}}>
  {{- end}}
  </users>
</clickhouse>
`))

func escape(s string) (string, error) {
	var b bytes.Buffer
	err := xml.EscapeText(&b, []byte(s))
	return b.String(), err
}

// configure writes the configuration of a server that is a replica of a shard
// of the layout.
func (s *Server) configure(o Options, l layout, servers [][]*Server, shard, replica int) error {
	ports := make([][]int, len(servers))
	for i, replicas := range servers {
		for _, other := range replicas {
			ports[i] = append(ports[i], other.tcpPort)
		}
	}
	err := writeTemplate(s.path("config.xml"), configuration, map[string]any{
		"Path":          s.path("data"),
		"HTTPPort":      s.httpPort,
		"TCPPort":       s.tcpPort,
		"Log":           s.path(serverLog),
		"UsersPath":     s.path("users.xml"),
		"Memory":        o.Memory,
		"Cluster":       l.cluster,
		"Shards":        ports,
		"ZooKeeperPort": l.zooKeeperPort,
		"SessionTime":   sessionTime.Milliseconds(),
		"Shard":         shard + 1,
		"Replica":       replica + 1,
		"Config":        o.Config,
	})
	if err != nil {
		return err
	}
	return writeTemplate(s.path("users.xml"), users, o.Users)
}

func writeTemplate(name string, t *template.Template, data any) error {
	var b bytes.Buffer
	if err := t.Execute(&b, data); err != nil {
		return err
	}
	return os.WriteFile(name, b.Bytes(), 0o600) // it has passwords
}
