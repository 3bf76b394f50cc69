{{- define "kro.name" -}}
{{ .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* The release's name alone if it contains the chart's. */}}
{{- define "kro.fullname" -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- $joined := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{ .Values.fullnameOverride | default $joined | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "kro.serviceAccount" -}}
{{- $own := .Values.serviceAccount.create | ternary (include "kro.fullname" .) "default" -}}
{{ .Values.serviceAccount.name | default $own }}
{{- end }}

{{- define "kro.role" -}}
{{- $suffix := eq .Values.rbac.mode "unrestricted" | ternary "-cluster-role" ":controller" -}}
{{ include "kro.fullname" . }}{{ $suffix }}
{{- end }}

{{- define "kro.selector" -}}
app.kubernetes.io/name: {{ include "kro.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "kro.labels" -}}
{{ include "kro.selector" . }}
app.kubernetes.io/component: controller
app.kubernetes.io/part-of: kro
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- if .Values.metadata.includeHelmChart }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- if .Values.metadata.includeManagedBy }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}
{{- with .Values.additionalLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* The port of an address such as ":8079" or "127.0.0.1:8079". */}}
{{- define "kro.probePort" -}}
{{ regexFind "[0-9]+$" .Values.config.healthProbeBindAddress | default "8079" }}
{{- end }}
